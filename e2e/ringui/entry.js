// The app of the acceptance test: Ring UI's own Auth, unmodified, with a configuration from localStorage. The title says
// how init() ended; window.app holds what the test looks at.
import Auth from '@jetbrains/ring-ui-built/components/auth/auth-core.js';
import IFrameFlow from '@jetbrains/ring-ui-built/components/auth/iframe-flow.js';
import WindowFlow from '@jetbrains/ring-ui-built/components/auth/window-flow.js';

const app = { events: [], messages: [] };
window.app = app;
window.addEventListener('message', event => app.messages.push(event.data));

const stored = localStorage.getItem('config');
if (stored) {
  const config = JSON.parse(stored);
  if (config.embeddedLogin) {
    config.EmbeddedLoginFlow = config.dialog ? IFrameFlow : WindowFlow;
  }
  app.auth = new Auth(config);
  app.auth.addListener('userChange', () => app.events.push('userChange'));
  app.ready = app.auth.init().then(
    async restored => {
      app.restored = restored;
      app.user = await app.auth.requestUser();
      document.title = 'READY';
    },
    error => {
      app.error = String(error);
      document.title = 'FAILED';
    },
  );
}
