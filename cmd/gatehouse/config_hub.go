package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/server/directory"
)

// allowedOrigins accepts origins with commas between them, or *. They are kept in the form in which browsers send them:
// lower case host, no default port (RFC 6454 6.2).
func allowedOrigins(cfg *Config, text string) error {
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item != "*" {
			u, err := url.Parse(item)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
				u.Path != "" && u.Path != "/" || strings.ContainsAny(item, "?#*") {
				return errors.New("accepted are origins with commas between them, such as https://app.example.com,http://localhost:3000, or *")
			}
			host, ok := originHost(u)
			if !ok {
				return errors.New("accepted is a port from 1 to 65535")
			}
			item = u.Scheme + "://" + host
		}
		cfg.AllowedOrigins = append(cfg.AllowedOrigins, item)
	}
	return nil
}

// agreementVersion accepts two numbers with a dot between them.
func agreementVersion(cfg *Config, text string) error {
	first, second, dotted := strings.Cut(text, ".")
	major, errMajor := strconv.ParseUint(first, 10, 31)
	minor, errMinor := strconv.ParseUint(second, 10, 31)
	if !dotted || errMajor != nil || errMinor != nil {
		return errors.New("accepted are two numbers with a dot between them, such as 1.0")
	}
	cfg.EndUserAgreementMajor, cfg.EndUserAgreementMinor = int64(major), int64(minor)
	return nil
}

// maxAgreementBytes bounds a text that every client may ask for.
const maxAgreementBytes = 256 << 10

// readAgreement reads the end user agreement, if one is configured.
func readAgreement(cfg Config) (directory.EndUserAgreement, error) {
	if cfg.EndUserAgreement == "" {
		return directory.EndUserAgreement{}, nil
	}
	text, err := os.ReadFile(cfg.EndUserAgreement)
	if err != nil {
		return directory.EndUserAgreement{}, fmt.Errorf("read the end user agreement: %w", err)
	}
	if len(text) > maxAgreementBytes || !utf8.Valid(text) || strings.TrimSpace(string(text)) == "" {
		return directory.EndUserAgreement{}, fmt.Errorf("read the end user agreement: %s has to hold UTF-8 text of up to %d KiB",
			cfg.EndUserAgreement, maxAgreementBytes>>10)
	}
	return directory.EndUserAgreement{Text: string(text), MajorVersion: cfg.EndUserAgreementMajor, MinorVersion: cfg.EndUserAgreementMinor}, nil
}
