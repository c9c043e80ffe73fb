using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Authorization;
using Stoa.Market.Audit;
using Stoa.Market.Identity;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Audit;

/// <summary>An endpoint by which something can be changed, as the audit log sees it.</summary>
/// <param name="Name">Its operation id.</param>
/// <param name="IsGuarded">Whether refusals are written down too: of acts for administrators, and where callers say who they are (sign-in, registration).</param>
/// <param name="IsBulk">Whether its entries may be gathered; those of all others are durable before the answer goes out.</param>
public sealed record AuditedEndpoint(string Name, bool IsGuarded, bool IsBulk)
{
    /// <summary>The parameter of routes that names a person.</summary>
    private const string HandleParameter = "handle";

    /// <summary>The endpoint of a request; null when nothing can be changed by it.</summary>
    /// <remarks>By HTTP a GET, HEAD or OPTIONS changes nothing (RFC 9110, section 9.2.1); all other methods count, whatever the endpoint does.</remarks>
    public static AuditedEndpoint? Of(HttpContext context)
    {
        var method = context.Request.Method;
        return HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsTrace(method)
            || context.GetEndpoint() is not RouteEndpoint endpoint || endpoint.Metadata.GetMetadata<AuditMark>() is { IsNoAct: true }
                ? null
                : Of(endpoint);
    }

    /// <summary>How an endpoint is seen.</summary>
    public static AuditedEndpoint Of(RouteEndpoint endpoint)
    {
        var metadata = endpoint.Metadata;
        var name = metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName ?? endpoint.RoutePattern.RawText ?? "unnamed";
        var isOpen = metadata.GetMetadata<IAllowAnonymous>() is not null;
        var isForAdministrators = metadata.GetMetadata<AccessNeed>() is { Permission: Permission.NodeAdmin };
        var mark = metadata.GetMetadata<AuditMark>() ?? AuditMark.None;
        return new AuditedEndpoint(name, (isOpen && !mark.RefusesInTheOrdinary) || isForAdministrators, mark.IsBulk);
    }

    /// <summary>What a request has done, or was refused.</summary>
    /// <param name="context">The request, with its answer but for the body.</param>
    /// <param name="status">How it was answered.</param>
    /// <param name="now">When.</param>
    /// <param name="kept">How much of its address is kept.</param>
    public AuditAct ToAct(HttpContext context, int status, DateTimeOffset now, KeptAddress kept) => new(now, Name, status)
    {
        Actor = (Caller.Of(context)?.ActorId ?? context.Features.Get<AuditNote>()?.User)?.ToString(),
        Account = Caller.Of(context) is { OrganisationRole: not null, UserId: var account } ? account.ToString() : null,
        Credential = CredentialOf(context),
        Address = AddressOf(context.Connection.RemoteIpAddress, kept),
        Subject = AuditAct.Plain(SubjectOf(context)),
        Trace = System.Diagnostics.Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier,
    };

    private static string? CredentialOf(HttpContext context)
    {
        if (Caller.Of(context) is null)
            return null;
        var header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(CallerRecognition.SchemeName + " ", StringComparison.OrdinalIgnoreCase))
            return context.Features.Get<AuditNote>()?.Credential;
        // The first characters of a key are shown in lists, too; nothing else of a credential is ever kept.
        return ApiKeySecret.TryParse(header[(CallerRecognition.SchemeName.Length + 1)..].Trim(), out var secret) ? $"key {secret.Prefix}" : "session";
    }

    /// <summary>What was made by its address, else what the path names.</summary>
    private static string? SubjectOf(HttpContext context)
    {
        if (context.Features.Get<AuditNote>()?.User is { } user)
            return user.ToString();
        if (context.Response.StatusCode is StatusCodes.Status201Created or StatusCodes.Status202Accepted
            && context.Response.Headers.Location.ToString() is { Length: > 0 } location
            && location[(location.LastIndexOf('/') + 1)..] is var made && made.Contains('_', StringComparison.Ordinal))
        {
            return made;
        }

        // Of persons an entry holds ids alone, by a note of the endpoint: a handle would stay when the person is erased. Other names, such as an agent's, are told of what was done.
        var named = string.Join('/', context.Request.RouteValues.Where(value => value.Key != HandleParameter).Select(value => value.Value).OfType<string>());
        return named.Length == 0 || (context.Response.StatusCode >= StatusCodes.Status400BadRequest && !AuditSeal.IsOfIds(named)) ? null : named;
    }

    private static string? AddressOf(IPAddress? address, KeptAddress kept)
    {
        if (address is null || kept is KeptAddress.None)
            return null;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (kept is KeptAddress.Whole)
            return address.ToString();
        var bytes = address.GetAddressBytes();
        var isLong = address.AddressFamily is AddressFamily.InterNetworkV6;
        bytes.AsSpan(isLong ? 6 : 3).Clear();
        return $"{new IPAddress(bytes)}/{(isLong ? 48 : 24)}";
    }
}

/// <summary>What an endpoint tells the audit log that cannot be seen from outside.</summary>
/// <param name="User">Whom a request turned out to be of or about: who signs in, or whose account was opened.</param>
/// <param name="Credential">By what the caller was recognised, where it is no bearer credential.</param>
public sealed record AuditNote(Id<User>? User, string? Credential = null);

/// <summary>What an endpoint is to the audit log, beside what can be seen from its rights.</summary>
/// <param name="IsBulk">Its acts come by the thousand and touch no identity, no right and no setting; those of all others are written before they are answered.</param>
/// <param name="RefusesInTheOrdinary">A refusal is a step of what it does, and says nothing of who tries what.</param>
/// <param name="IsNoAct">It changes nothing but what is spent, which usage tells, and comes by the ten thousand a second.</param>
public sealed record AuditMark(bool IsBulk = false, bool RefusesInTheOrdinary = false, bool IsNoAct = false)
{
    /// <summary>Of what models are asked.</summary>
    public static AuditMark NoAct { get; } = new(IsNoAct: true);

    /// <summary>Of an endpoint that says nothing.</summary>
    public static AuditMark None { get; } = new();
}

/// <summary>Notes for the audit log.</summary>
public static class AuditNotes
{
    /// <summary>Has the acts of an endpoint gathered: they come by the thousand and touch no identity, no right and no setting.</summary>
    public static RouteHandlerBuilder AuditedInBulk(this RouteHandlerBuilder endpoint, bool refusesInTheOrdinary = false) => endpoint.WithMetadata(new AuditMark(true, refusesInTheOrdinary));

    /// <summary>Says whose account a request is about; of an anonymous one this is who acted: who has signed in, or opened the account.</summary>
    public static void ActedBy(this HttpContext context, Id<User> user) => context.Features.Set(new AuditNote(user, context.Features.Get<AuditNote>()?.Credential));
}
