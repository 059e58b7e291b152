import { definePreset } from '@primeuix/themes';
import Aura from '@primeuix/themes/aura';

/** One accent (jade, from the 青 of the field's paper forms); greys lean warm; colour beyond that always means a state. */
export const theme = definePreset(Aura, {
  semantic: {
    primary: {
      50: '#eef7f4',
      100: '#d6ece5',
      200: '#aed9cc',
      300: '#7dbfad',
      400: '#47a08a',
      500: '#1d8370',
      600: '#0f6b5c',
      700: '#0d574b',
      800: '#0c463d',
      900: '#0a3932',
      950: '#04211d',
    },
    focusRing: { width: '2px', style: 'solid', color: '{primary.600}', offset: '2px' },
    colorScheme: {
      light: {
        primary: {
          color: '{primary.600}',
          contrastColor: '#ffffff',
          hoverColor: '{primary.700}',
          activeColor: '{primary.800}',
        },
        surface: {
          0: '#ffffff',
          50: '#faf9f7',
          100: '#f4f3f0',
          200: '#e7e5e0',
          300: '#d5d2cb',
          400: '#a5a29a',
          500: '#77746d',
          600: '#5a5852',
          700: '#45433e',
          800: '#2c2b28',
          900: '#1c1b19',
          950: '#100f0e',
        },
      },
    },
  },
});
