using Stoa.Market.Identity.SignIn;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>The session by whose access token a request came. As a parameter of an endpoint, <c>CurrentSession?</c> is null for one by API key.</summary>
public sealed record CurrentSession(Id<Session> Id)
{
    public static async ValueTask<CurrentSession?> BindAsync(HttpContext context)
    {
        const string scheme = CallerRecognition.SchemeName + " ";
        var header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            return null;
        var sessions = context.RequestServices.GetRequiredService<Sessions>();
        return await sessions.ReadTokenAsync(header[scheme.Length..].Trim(), context.RequestAborted) is { } token ? new CurrentSession(token.Session) : null;
    }
}
