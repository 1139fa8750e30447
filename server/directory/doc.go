// Package directory is the domain: who exists (services, people, their secrets and passwords), what they may do, and
// what they have approved. It knows neither HTTP nor SQL.
//
// Whoever authorizes something reads the revocation marks before the facts it relies on, and hands the marks on with
// what it authorizes; see [gatehouse/storage.Carried].
package directory
