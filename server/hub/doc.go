// Package hub is Hub's REST API below /api/rest, in the shapes that Hub's clients know (contract sections 3 and 4).
package hub
