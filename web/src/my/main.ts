import '@/phone/phone.css';

import { createApp } from 'vue';

import MyApp from './MyApp.vue';
import { language, useLanguage } from './words';

useLanguage(language.value);
createApp(MyApp).mount('#my');
if ('serviceWorker' in navigator && !import.meta.env.DEV) {
  // Plain http on a village's address has none: the page works there, but must be reached to start.
  navigator.serviceWorker.register('/my/sw.js', { scope: '/my/' }).catch(() => undefined);
}
