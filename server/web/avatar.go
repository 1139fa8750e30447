package web

import "net/url"

// AvatarPath is where the images of users are, each under its id.
const AvatarPath = "/api/rest/avatar/"

// AvatarURL is the address of a user's image at the server with that public URL.
func AvatarURL(publicURL, userID string) string {
	return publicURL + AvatarPath + url.PathEscape(userID)
}
