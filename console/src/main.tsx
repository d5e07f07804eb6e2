import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Refusal } from './api/call.js';
import { App } from './shell/app.js';
import { applyTheme } from './shell/theme.js';
import './ui/styles/index.css';

applyTheme();
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal stays one; what cannot be reached is asked for again.
      retry: (failures, error) => !(error instanceof Refusal && error.status < 500) && failures < 2,
      staleTime: 2_000,
      // Without a network it is asked, and fails: the shell says so, and asks anew when there is one.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
