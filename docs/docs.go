// Package docs holds the documentation for those who use and run Gatehouse, which the server shows at /docs.
package docs

import "embed"

// Files are the pages in Markdown, such as api-guard.md and decisions/0004-goose.md.
//
//go:embed *.md decisions/*.md
var Files embed.FS
