/* The remembered theme, set before anything is painted; app.js changes it. */
(() => {
    try {
        const theme = localStorage.getItem('tandem.theme');
        if (theme === 'dark' || theme === 'light')
            document.documentElement.dataset.theme = theme;
    } catch {
        // storage is forbidden here: the page follows the system
    }
})();
