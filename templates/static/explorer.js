// Shows the description of the API, and lets people call it.
(() => {
  "use strict";
  const place = document.getElementById("explorer");
  const explorer = SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    deepLinking: true,
    docExpansion: "none",
    tagsSorter: "alpha",
    oauth2RedirectUrl: place.dataset.redirect,
  });
  explorer.initOAuth({ scopes: place.dataset.scope, usePkceWithAuthorizationCodeGrant: true });
})();
