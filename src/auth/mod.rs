//! Authentication: who we are to a site, described; the edge `fetch` sends it.
