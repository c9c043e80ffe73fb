using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Identity;

/// <summary>One endpoint of the running API, and what it declares.</summary>
/// <param name="Method">Of HTTP.</param>
/// <param name="Pattern">With its parameters in braces.</param>
/// <param name="Name">Of the operation.</param>
/// <param name="Need">What it needs; null when it declares nothing.</param>
/// <param name="IsOpen">Whether anonymous callers are let in.</param>
/// <param name="MediaType">Of its body; null where any will do.</param>
public sealed record TableRow(string Method, string Pattern, string Name, AccessNeed? Need, bool IsOpen, string? MediaType)
{
    /// <summary>Whether it is about the organisation that its address names.</summary>
    public bool IsOfOrganisation => Pattern.Contains("{organisation}", StringComparison.Ordinal);

    /// <summary>Every endpoint below <c>/api</c>, as it is wired.</summary>
    public static IReadOnlyList<TableRow> ReadAll(RunningNode node) =>
    [
        .. node.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => Text(endpoint).StartsWith("/api/", StringComparison.Ordinal))
            .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(method => new TableRow(
                method,
                Text(endpoint),
                endpoint.Metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName ?? "",
                endpoint.Metadata.GetMetadata<AccessNeed>(),
                endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null,
                endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.ContentTypes[0])))
            .OrderBy(row => row.Pattern, StringComparer.Ordinal).ThenBy(row => row.Method, StringComparer.Ordinal),
    ];

    private static string Text(RouteEndpoint endpoint) => "/" + endpoint.RoutePattern.RawText?.Trim('/');
}
