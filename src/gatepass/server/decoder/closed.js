// The ways out that a policy of content does not close. It runs before all that follows.

// Whoever has these can send packets to a server that they name; a browser has no directive against it.
for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) delete globalThis[name];
