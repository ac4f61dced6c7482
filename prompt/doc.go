// Package prompt is what a prompt is: parse, check, link and render a folder of
// prompt files. It is pure: no git, no network, no file system, no clock. Bytes
// come in as paths and contents, and what comes out is an immutable [Tree].
//
// # The tree
//
// [Parse] never fails. Whatever is wrong with a file is a [Problem] with the
// line and the column an editor would show, also for Liquid inside a block
// scalar. [Tree.With] gives the tree after some files changed: only those are
// read again and only what depends on them is checked again, and the result is
// the same as parsing everything from scratch. A tree and all that it hands out
// may be used by any number of goroutines; nothing of it may be modified.
//
// # Addresses
//
// An organisation is a folder with an anvil.yaml; a folder in it with a
// project.yaml is a project; a folder in that is a set, and each <name>.yaml in
// a set is a prompt. The [Address] project/set/name is the path without its
// suffix. A name that starts with "_" is a partial, rendered by other prompts
// and not listed to applications.
//
// # Files
//
// Files are YAML 1.2 without its surprises: no anchors, aliases, merge keys,
// tags or second documents, no key twice and none that the format does not
// know, at most [MaxFileSize] bytes and 32 levels. The format's words are those
// of GitHub Models' prompt files (name, description, model, modelParameters,
// messages) and, for parameters, those of JSON Schema. [Schema] gives the JSON
// Schemas (draft-07) that editors use; the checker's own reading of the files
// agrees with them and says more.
//
// # Rendering
//
// YAML is parsed first, the leaf strings are rendered once, and values are
// never scanned again: neither an argument nor a message that a caller inserts
// can become template, markup or another role. Arguments that are missing,
// unknown, of the wrong type or outside of their constraints are an
// [ArgumentError]; whatever ends the rendering of a template is a
// [RenderError]. Rendering does no input or output, takes no lock, and is
// bounded in steps, output, depth and by its context.
//
// # Tools
//
// What an author wrote is never marshalled again. [Rename] and [Merge] splice
// bytes, [Format] moves white space; each makes sure of the outcome before it is
// handed out: the same values and comments, the same partials rendered.
//
// The dialect of the templates is package liquid's; the rules of the checker
// are described in docs/rules.md.
package prompt
