using Microsoft.AspNetCore.Authorization;
using Stoa.Market.Identity;
using Stoa.Node.Http;

namespace Stoa.Node.Identity;

/// <summary>What an endpoint of the API needs of its caller. Every one declares it, in one of three ways; a test walks them all.</summary>
public static class Access
{
    private static readonly AccessNeed s_undeclared = new(Permission.AccountManage);

    /// <summary>Only callers with this permission, in the account that they act for. Where anonymous callers are let in, one without it is let in as such.</summary>
    /// <remarks>
    /// When the route has a parameter <c>{organisation}</c>, the endpoint is about that organisation: the caller acts for it, and to
    /// whoever does not belong to it there is none such.
    /// </remarks>
    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, Permission permission)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new AccessNeed(permission));

    /// <summary>Any caller who is recognised, with whatever rights.</summary>
    public static TBuilder ForAnyCaller<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new AccessNeed(null));

    /// <summary>Anybody, with a credential or without.</summary>
    public static TBuilder OpenToAll<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new AccessNeed(null)).AllowAnonymous();

    /// <summary>What an endpoint of the API needs. One that declares nothing is for persons by credentials without bounds.</summary>
    internal static AccessNeed Of(EndpointMetadataCollection metadata) => metadata.GetMetadata<AccessNeed>() ?? s_undeclared;

    /// <summary>Whether anonymous callers are let in.</summary>
    internal static bool IsOpen(EndpointMetadataCollection metadata) => metadata.GetMetadata<IAllowAnonymous>() is not null;
}

/// <summary>What an endpoint needs of its caller.</summary>
/// <param name="Permission">Null for nothing but that there is one, or not even that where anonymous callers are let in.</param>
public sealed record AccessNeed(Permission? Permission);

/// <summary>Marks the endpoints that callers call: those below <c>/api/v1</c>, and of OpenAI's API.</summary>
/// <param name="Limit">What their calls count as.</param>
public sealed record ApiEndpoint(RateLimit Limit = RateLimit.Calls);
