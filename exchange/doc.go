// Package exchange moves prompts between organisations.
//
// [Select] says which files of an organisation a few patterns mean, together with the
// partials that they render, wherever those lie, and why each is in. [Export] writes
// them as one signed bundle, encrypted where that is asked for. A selection speaks for
// what was selected (its scope), and only brings along what that needs: who imports it
// takes the absence of a file in the scope as its deletion, and outside of it as
// nothing.
//
// The steps come back as values: what was selected can be shown before anything is
// written, and what was written can be recorded by the caller.
package exchange
