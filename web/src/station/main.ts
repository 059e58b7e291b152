import '@/phone/phone.css';

import { createApp } from 'vue';

import { start } from './state';
import StationApp from './StationApp.vue';
import { register } from './update';
import { language, useLanguage } from './words';

useLanguage(language.value);
createApp(StationApp).mount('#station');
void start();
void register();
