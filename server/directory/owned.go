package directory

import "gatehouse/storage"

// ManagesTokensOf says whether the actor may see and take back the tokens, grants and consents of a user, and make
// permanent tokens: people their own, administrators everybody's. The guest has none, being anybody.
func ManagesTokensOf(actor Actor, user storage.User) bool {
	return actor.person() && !user.Guest && (actor.Admin() || actor.User.ID == user.ID)
}
