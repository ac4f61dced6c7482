//go:build !unix

package httpapi

// maxConnections bounds the TCP connections that are open at the same time.
func maxConnections() int { return 1 << 20 }
