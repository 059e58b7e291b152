declare module '*.vue' {
  // For tools that do not read components themselves (ESLint); vue-tsc knows each component's own type.
  import type { DefineComponent } from 'vue';

  const component: DefineComponent<object, object, unknown>;
  export default component;
}
