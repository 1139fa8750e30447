// Package api holds the description of every endpoint, written by hand; a test keeps it equal to the routes.
package api

import _ "embed"

// OpenAPI is openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
