namespace Stoa.Market.Inference.Routing;

/// <summary>Every reason for which an act on routes is refused.</summary>
public enum RouteRefusal
{
    /// <summary>No such route.</summary>
    RouteUnknown,

    /// <summary>Name, targets or alternatives are not as they must be; every reason is listed.</summary>
    RouteInvalid,

    /// <summary>It is not the caller's to make: a route for everybody is an administrator's, and that of a listing its publisher's.</summary>
    RouteNotYours,

    /// <summary>There are as many routes as may be.</summary>
    RoutesTooMany,
}
