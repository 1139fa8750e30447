package main

import (
	"fmt"

	"gatehouse/storage"
)

const (
	usersList    = "/api/rest/users"
	servicesList = "/api/rest/services"
	groupsList   = "/api/rest/usergroups"
)

// listRequests are all that are measured. Each of them finds something among what storage.FillLists has made.
func listRequests() []listRequest {
	var requests []listRequest
	for _, list := range []struct {
		name, path string
		orders     []string
	}{
		{"users", usersList, []string{"id", "login", "name", "created"}},
		{"services", servicesList, []string{"id", "key", "name", "applicationName", "created"}},
	} {
		requests = append(requests,
			listRequest{list.name + ", first page", list.path, nil},
			listRequest{list.name + ", `$top=100`", list.path + "?$top=100&$skip=%s", below(1000)},
			listRequest{list.name + ", `$skip` up to 100,000", list.path + "?$skip=%s", upTo(100_000)},
			listRequest{list.name + ", `$after`", list.path + "?orderBy=id&$after=" + list.name[:len(list.name)-1] + "%s", below(90_000)})
		for _, order := range list.orders {
			requests = append(requests, listRequest{list.name + ", `orderBy=" + order + "`", list.path + "?$skip=%s&orderBy=" + order, below(1000)})
		}
		requests = append(requests, listRequest{list.name + ", `orderBy=name:desc`", list.path + "?$skip=%s&orderBy=name:desc", below(1000)})
	}
	return append(append(requests, userRequests()...), serviceRequests()...)
}

func userRequests() []listRequest {
	const nested = "id,login,name,groups(id,name),profile(email(email,verified)),details(id,type)"
	group := func(i, _ int) string { return fmt.Sprint(i%1000 + 1) }
	return []listRequest{
		{"users, id", usersList + "?query=id: user%s", number},
		{"users, login", usersList + "?query=login: %s", loginOf},
		{"users, e-mail address", usersList + "?query=email: %s@example.com", loginOf},
		{"users, prefix of login", usersList + "?query=loginStartsWith: %s", prefixOf(loginOf, 6)},
		{"users, prefix of name, one in 22", usersList + "?query=nameStartsWith: %s", prefixOf(loginOf, 1)},
		{"users, prefixes of name or login", usersList + "?query=nameStartsWith: %s or loginStartsWith: %s", prefixOf(loginOf, 5)},
		{"users, `x or x*`", usersList + "?query=%s or %s*", prefixOf(loginOf, 5)},
		{"users, text of 2 letters", usersList + "?query=%s", prefixOf(loginOf, 2)},
		{"users, `is: banned`", usersList + "?query=is: banned&$skip=%s", below(9)},
		{"users, `has: password`", usersList + "?query=has: password&$skip=%s", below(100)},
		{"users, `not` and `and`", usersList + "?query=not is: banned and loginStartsWith: %s", prefixOf(loginOf, 4)},
		{"users, group of a tenth of them", usersList + "?query=group: large&$skip=%s", below(100)},
		{"users, group of 100", usersList + "?query=group: {group %s}", group},
		{"users, nested `fields`", usersList + "?$skip=%s&fields=" + nested, below(1000)},
		{"users, nested `fields`, `$top=100`", usersList + "?$top=100&$skip=%s&fields=" + nested, below(1000)},
		{"groups, first page", groupsList + "?fields=id,name,userCount", nil},
		{"groups, text", groupsList + "?query=up %s", group},
		{"users in a group of a tenth of them", groupsList + "/large/users?$skip=%s", below(1000)},
		{"users in a group of 100", groupsList + "/group%s/users", group},
		{"groups of a user", usersList + "/user42/groups?fields=id,name", nil},
	}
}

func serviceRequests() []listRequest {
	const nested = "id,key,name,redirectUris,baseUrls,weaknesses,grantedPermissions(key),untrustedRedirectUris"
	product := func(i, _ int) string { return storage.FilledProducts()[i%len(storage.FilledProducts())] }
	return []listRequest{
		{"services, id", servicesList + "?query=id: service%s", number},
		{"services, prefix of key", servicesList + "?query=keyStartsWith: %s", prefixOf(loginOf, 2)},
		{"services, prefix of name, one in 8", servicesList + "?query=nameStartsWith: %s", product},
		{"services, application", servicesList + "?query=applicationName: YouTrack&$skip=%s", below(5)},
		{"services, vendor of a tenth of them", servicesList + "?query=vendor: Example&$skip=%s", below(50)},
		{"services, home URL", servicesList + "?query=homeUrl: {https://home.example/%s}", number},
		{"services, base URL", servicesList + "?query=baseUrl: {https://base.example/%s}", number},
		{"services, redirect URI", servicesList + "?query=redirectUri: {https://redirect.example/%s}", number},
		{"services, `is: trusted`", servicesList + "?query=is: trusted&$skip=%s", below(5)},
		{"services, text that one in 8 has", servicesList + "?query=%s", product},
		{"services, text of 2 letters", servicesList + "?query=%s", prefixOf(loginOf, 2)},
		{"services, text of 4 letters", servicesList + "?query=%s", prefixOf(serviceWord, 4)},
		{"services, text that one has", servicesList + "?query=%s", serviceWord},
		{"services, nested `fields`", servicesList + "?$skip=%s&fields=" + nested, below(1000)},
		{"services, nested `fields`, `$top=100`", servicesList + "?$top=100&$skip=%s&fields=" + nested, below(1000)},
	}
}

// spread has the requests go about the list in no order.
const spread = 7919

// number is that of an entity in the list.
func number(i, n int) string { return fmt.Sprint(i*spread%n + 1) }

// below is a number of a part of the list, which is no longer than a list of any size.
func below(end int) func(i, n int) string {
	return func(i, n int) string { return fmt.Sprint(i * spread % min(end, n/10)) }
}

// upTo is a place in the list that is not its end.
func upTo(end int) func(i, n int) string {
	return func(i, n int) string { return fmt.Sprint(i * spread % min(end, n-100)) }
}

// loginOf is that of a user in the list.
func loginOf(i, n int) string { return storage.FilledLogin(i*spread%n + 1) }

// serviceWord is the last word of the name of a service in the list.
func serviceWord(i, n int) string { return storage.FilledServiceWord(i*spread%n + 1) }

func prefixOf(value func(i, n int) string, letters int) func(i, n int) string {
	return func(i, n int) string { return value(i, n)[:letters] }
}
