// Loads the page again when the site has changed.
"use strict";
let seen;
new EventSource("/_purlin/live").onmessage = (event) => {
  if (seen !== undefined && seen !== event.data) location.reload();
  seen = event.data;
};
