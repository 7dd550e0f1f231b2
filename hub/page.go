package hub

import (
	"embed"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

var pageTypes = map[string]string{
	"index.html": "text/html; charset=utf-8",
	"page.js":    "text/javascript; charset=utf-8",
	"api.js":     "text/javascript; charset=utf-8",
	"cells.js":   "text/javascript; charset=utf-8",
	"drafts.js":  "text/javascript; charset=utf-8",
	"page.css":   "text/css; charset=utf-8",
	"icon.svg":   "image/svg+xml",
}

// page answers with the page, which needs no access: what it shows comes from the other addresses.
func (a *answer) page() error { return a.asset("index.html") }

// asset answers with a file of the page.
func (a *answer) asset(name string) error {
	kind, known := pageTypes[name]
	b, err := pageFiles.ReadFile("page/" + name)
	if !known || err != nil {
		return errNowhere
	}
	a.w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	a.w.Header().Set("Referrer-Policy", "no-referrer") // the address may hold a token
	return a.send(http.StatusOK, kind, b)
}
