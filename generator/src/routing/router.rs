//! Routers, what is mounted on them, and the routes that result.

use std::collections::BTreeSet;

use super::text::Text;

/// The maximum depth of nested routers.
const MAX_DEPTH: usize = 24;
/// The maximum number of routes of a repository.
const MAX_ROUTES: usize = 20_000;

/// The index of a router.
pub(super) type RouterId = usize;

/// A router while the code that fills it is evaluated.
pub(super) struct Router {
    /// The index of the framework.
    pub(super) framework: usize,
    pub(super) prefix: Text,
    pub(super) routes: Vec<RouterRoute>,
    mounts: Vec<Mount>,
    is_mounted: bool,
    /// Whether the router is only a part of a route: methods without a path. It has no routes where it is not mounted.
    pub(super) is_part: bool,
    keeps_slash: bool,
}

/// A router that is mounted on another one.
struct Mount {
    prefix: Text,
    child: RouterId,
    /// Whether the prefix stands for the child's own one.
    replaces: bool,
}

/// A route without the prefixes of its routers.
#[derive(Debug, Clone)]
pub(super) struct RouterRoute {
    pub(super) method: String,
    pub(super) path: Text,
    pub(super) file: usize,
    pub(super) line: usize,
    pub(super) handler: String,
}

/// A route with its full path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FoundRoute {
    pub(crate) path: String,
    pub(crate) method: String,
    pub(crate) file: usize,
    pub(crate) line: usize,
    pub(crate) handler: String,
}

/// All routers of a repository.
#[derive(Default)]
pub(super) struct Routers {
    routers: Vec<Router>,
}

impl Routers {
    pub(super) fn add(&mut self, framework: usize, prefix: Text, keeps_slash: bool) -> RouterId {
        self.routers.push(Router {
            framework,
            prefix,
            routes: Vec::new(),
            mounts: Vec::new(),
            is_mounted: false,
            is_part: false,
            keeps_slash,
        });
        self.routers.len() - 1
    }

    pub(super) fn get(&self, id: RouterId) -> Option<&Router> {
        self.routers.get(id)
    }

    pub(super) fn get_mut(&mut self, id: RouterId) -> Option<&mut Router> {
        self.routers.get_mut(id)
    }

    /// Whether a router is mounted on another one, also through routers between them.
    pub(super) fn contains(&self, outer: RouterId, inner: RouterId, depth: usize) -> bool {
        let mounts = self.routers.get(outer).filter(|_| depth < MAX_DEPTH).map(|router| router.mounts.as_slice());
        mounts
            .unwrap_or_default()
            .iter()
            .any(|mount| mount.child == inner || self.contains(mount.child, inner, depth + 1))
    }

    /// Leaves a router out that is mounted nowhere.
    pub(super) fn hide(&mut self, id: RouterId) {
        if let Some(router) = self.routers.get_mut(id) {
            router.is_mounted = true;
        }
    }

    pub(super) fn set_part(&mut self, id: RouterId, is_part: bool) {
        if let Some(router) = self.routers.get_mut(id) {
            router.is_part = is_part;
        }
    }

    /// The routes of parts that are mounted nowhere.
    pub(super) fn unmounted_parts(&self) -> Vec<RouterRoute> {
        let parts = self.routers.iter().filter(|router| router.is_part && !router.is_mounted);
        parts.flat_map(|router| router.routes.iter().cloned()).collect()
    }

    pub(super) fn mount(&mut self, parent: RouterId, prefix: Text, child: RouterId) {
        self.add_mount(parent, Mount { prefix, child, replaces: false });
    }

    /// Mounts a router below a prefix that stands for its own one.
    pub(super) fn mount_at(&mut self, parent: RouterId, prefix: Text, child: RouterId) {
        self.add_mount(parent, Mount { prefix, child, replaces: true });
    }

    fn add_mount(&mut self, parent: RouterId, mount: Mount) {
        let child = mount.child;
        if parent == child {
            return;
        }
        if let Some(router) = self.routers.get_mut(child) {
            router.is_mounted = true;
        }
        if let Some(router) = self.routers.get_mut(parent) {
            router.mounts.push(mount);
        }
    }

    /// The routes of all routers that are mounted on no other, with their full paths. The second value says whether the
    /// limit was reached.
    pub(super) fn routes(&self) -> (BTreeSet<FoundRoute>, bool) {
        let mut found = BTreeSet::new();
        for (id, router) in self.routers.iter().enumerate() {
            if !router.is_mounted && !router.is_part {
                self.collect(id, &Text::default().joined(&router.prefix, false), 0, &mut found);
            }
        }
        let is_full = found.len() >= MAX_ROUTES;
        (found, is_full)
    }

    fn collect(&self, id: RouterId, prefix: &Text, depth: usize, found: &mut BTreeSet<FoundRoute>) {
        let Some(router) = self.routers.get(id).filter(|_| depth < MAX_DEPTH && found.len() < MAX_ROUTES) else {
            return;
        };
        for route in &router.routes {
            found.insert(FoundRoute {
                path: prefix.joined(&route.path, router.keeps_slash).as_path(),
                method: route.method.clone(),
                file: route.file,
                line: route.line,
                handler: route.handler.clone(),
            });
        }
        for mount in &router.mounts {
            let below = prefix.joined(&mount.prefix, false);
            let own = self.routers.get(mount.child).filter(|_| !mount.replaces);
            let below = own.map_or_else(|| below.clone(), |own| below.joined(&own.prefix, false));
            self.collect(mount.child, &below, depth + 1, found);
        }
    }
}
