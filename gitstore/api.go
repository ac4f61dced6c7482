package gitstore

import (
	"context"
	"io/fs"
	"iter"
	"log/slog"
	"time"
)

type Durability int

const (
	Fsync Durability = iota
	NoFsync
)

type Options struct {
	Bare          bool
	InitialBranch string
	Durability    Durability
	Logger        *slog.Logger
}

type Repo struct{}

func Open(dir string, o Options) (*Repo, error)                       { panic("soon") }
func Create(dir string, o Options) (*Repo, error)                     { panic("soon") }
func (r *Repo) Close() error                                          { panic("soon") }
func (r *Repo) Root() string                                          { panic("soon") }
func (r *Repo) CommonDir() string                                     { panic("soon") }
func (r *Repo) Prefix(dir string) (string, error)                     { panic("soon") }
func (r *Repo) Identity() (Signature, bool)                           { panic("soon") }
func (r *Repo) State() (State, error)                                 { panic("soon") }
func (r *Repo) Tip(ref string) (Hash, error)                          { panic("soon") }
func (r *Repo) Resolve(name string) (Hash, error)                     { panic("soon") }
func (r *Repo) CommitAt(rev Hash) (*Commit, error)                    { panic("soon") }
func (r *Repo) TreeAt(rev Hash, path string) (Hash, error)            { panic("soon") }
func (r *Repo) Walk(rev Hash, prefix string) iter.Seq2[Entry, error]  { panic("soon") }
func (r *Repo) Blob(h Hash) ([]byte, error)                           { panic("soon") }
func (r *Repo) Diff(a, b Hash, prefix string) ([]Change, error)       { panic("soon") }
func (r *Repo) Log(rev Hash, path string) iter.Seq2[*Commit, error]   { panic("soon") }
func (r *Repo) Ancestor(a, b Hash) (bool, error)                      { panic("soon") }
func (r *Repo) IndexBlobs(prefix string) (map[string]Hash, error)     { panic("soon") }
func (r *Repo) Commit(ctx context.Context, c NewCommit) (Hash, error) { panic("soon") }
func (r *Repo) SetRef(ref string, old, new Hash) error                { panic("soon") }
func (r *Repo) Refs(prefix string) ([]Ref, error)                     { panic("soon") }

type State struct {
	Branch string
	Tip    Hash
	Busy   string
}

type Mode uint32

type Signature struct {
	Name, Email string
	When        time.Time
}

type Commit struct {
	Hash, Tree        Hash
	Parents           []Hash
	Author, Committer Signature
	Message           string
}

type Entry struct {
	Path string
	Mode Mode
	Hash Hash
}

type Change struct {
	Path          string
	Before, After Hash
	Mode          Mode
}

type Ref struct {
	Name string
	Hash Hash
}

type NewCommit struct {
	Branch            string
	Tip               Hash
	Orphan            bool
	Edits             []Edit
	Message           string
	Author, Committer Signature
	AllowEmpty        bool
}

type Edit struct {
	Path    string
	Content []byte
	Removed bool
	Info    fs.FileInfo
}
