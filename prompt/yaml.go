package prompt

// MaxFileSize is the largest file that is read, in bytes.
const MaxFileSize = 1 << 20
