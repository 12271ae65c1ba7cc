// Passkeys (WebAuthn): asks the server what to sign, lets the device sign it, sends the answer back.
// Bytes travel as base64url, converted by hand, because older browsers lack toJSON.
(function () {
  "use strict";

  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (sign) { return sign.charCodeAt(0); });
  }

  function text(buffer) {
    var plain = "";
    new Uint8Array(buffer).forEach(function (byte) { plain += String.fromCharCode(byte); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function withBytes(list) {
    return (list || []).map(function (item) { return Object.assign({}, item, { id: bytes(item.id) }); });
  }

  function ask(address, token, body) {
    return fetch(address, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(body || {}),
    }).then(function (response) {
      if (!response.ok) { throw new Error(String(response.status)); }
      return response.json();
    });
  }

  function answerOf(credential) {
    var given = credential.response;
    var response = { clientDataJSON: text(given.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (given[name]) { response[name] = text(given[name]); }
    });
    return {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: response,
    };
  }

  function make(options) {
    var wanted = options.publicKey;
    wanted.challenge = bytes(wanted.challenge);
    wanted.user.id = bytes(wanted.user.id);
    wanted.excludeCredentials = withBytes(wanted.excludeCredentials);
    return navigator.credentials.create({ publicKey: wanted });
  }

  function sign(options) {
    var wanted = options.publicKey;
    wanted.challenge = bytes(wanted.challenge);
    wanted.allowCredentials = withBytes(wanted.allowCredentials);
    return navigator.credentials.get({ publicKey: wanted });
  }

  // The recovery codes that came with the first factor are shown once, and kept nowhere.
  function showCodes(box, codes) {
    var panel = document.querySelector("[data-passkey-codes]");
    codes.forEach(function (code) {
      var sign = document.createElement("code");
      sign.dataset.recovery = "";
      sign.textContent = code;
      panel.querySelector("ul").appendChild(document.createElement("li")).appendChild(sign);
    });
    box.hidden = true;
    panel.hidden = false;
    panel.querySelector("a").focus();
  }

  function prepare(box) {
    var form = box.querySelector("form");
    var error = box.querySelector("[data-passkey-error]");
    if (!window.PublicKeyCredential) { box.hidden = true; return; }
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      error.hidden = true;
      var token = form.elements.csrfmiddlewaretoken.value;
      var isNew = box.dataset.passkey === "new";
      ask(box.dataset.question, token)
        .then(isNew ? make : sign)
        .then(function (credential) {
          var answer = answerOf(credential);
          if (isNew) { answer.name = form.elements.name.value; }
          return ask(box.dataset.answer, token, answer);
        })
        .then(function (done) {
          if (done.codes && done.codes.length) { showCodes(box, done.codes); return; }
          window.location.assign(done.next || window.location.pathname);
        })
        .catch(function (fault) {
          var isKnown = fault && fault.name === "InvalidStateError" && error.dataset.known;
          if (isKnown) { error.textContent = error.dataset.known; }
          error.hidden = false;
        });
    });
  }

  document.querySelectorAll("[data-passkey]").forEach(prepare);
})();
