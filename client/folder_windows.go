package client

// syncFolder does nothing: Windows has no fsync of folders, NTFS journals names
// itself.
func syncFolder(string) error { return nil }
