// Package api holds the description of every endpoint, written by hand; a test keeps it equal to the routes.
package api

import "embed"

// OpenAPI is openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Explorer is Swagger UI, compressed with gzip: explorer/swagger-ui-bundle.js.gz and so on.
//
//go:embed explorer
var Explorer embed.FS
