package hub

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// originPolicy says from which web pages requests may come. Programs that are not browsers send no Origin, and are no danger: the danger is a page
// that uses what its visitor's browser can reach.
type originPolicy struct{ patterns []string }

func newOriginPolicy(patterns []string) (originPolicy, error) {
	var p originPolicy
	for _, text := range patterns {
		text = strings.ToLower(strings.TrimSuffix(text, "/"))
		host := text
		if _, after, ok := strings.Cut(text, "://"); ok {
			host = after
		}
		if _, err := path.Match(text, ""); err != nil || host == "" || strings.Contains(host, "/") {
			return p, fmt.Errorf("hub: %q is not a pattern of an origin: write https://HOST or HOST", text)
		}
		p.patterns = append(p.patterns, text)
	}
	return p, nil
}

// allows says whether a request may come from where it comes from. cross says whether that is another origin.
func (p originPolicy) allows(r *http.Request) (ok, cross bool) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true, false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" { // "null", for example: a page without an address
		return p.matches("null", "null"), true
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true, false
	}
	if isLoopback(u.Host) && isLoopback(r.Host) {
		return true, true
	}
	return p.matches(strings.ToLower(u.Host), strings.ToLower(u.Scheme+"://"+u.Host)), true
}

func (p originPolicy) matches(host, full string) bool {
	for _, pattern := range p.patterns {
		text := host
		if strings.Contains(pattern, "://") {
			text = full
		}
		if ok, _ := path.Match(pattern, text); ok || pattern == "*" {
			return true
		}
	}
	return false
}

// isLoopback says whether a host, with or without a port, is this machine by name or address.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// addressed says whether the hub may be addressed by this Host header.
func (h *Hub) addressed(host string) bool {
	if h.opts.Hosts == nil || isLoopback(host) {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for _, name := range h.opts.Hosts {
		if name == "*" || strings.EqualFold(name, strings.Trim(host, "[]")) {
			return true
		}
	}
	return false
}
