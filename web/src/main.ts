import '@/ui/base.css';

import { VueQueryPlugin } from '@tanstack/vue-query';
import PrimeVue from 'primevue/config';
import { createApp } from 'vue';

import App from '@/App.vue';
import { queryClient } from '@/api/query';
import { chosenLanguage, i18n, useLanguage } from '@/i18n';
import { router } from '@/router';
import { theme } from '@/ui/theme';

useLanguage(chosenLanguage(), { remember: false });

createApp(App)
  .use(i18n)
  .use(VueQueryPlugin, { queryClient })
  .use(PrimeVue, { theme: { preset: theme, options: { darkModeSelector: 'none' } } })
  .use(router)
  .mount('#app');
