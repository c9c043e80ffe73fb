using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Stoa.Market;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Http;
using Stoa.Node.Pages;

namespace Stoa.Node.SingleSignOn;

/// <summary>The two addresses of a sign-in that a browser sees: where it begins, and where the provider sends it back to.</summary>
/// <remarks>
/// The answer to the client goes to the loopback interface of the person's own machine (RFC 8252, section 7.3), or is shown to be carried by hand; never
/// anywhere else.
/// </remarks>
public static class SignOnPages
{
    public static void MapSignOnPages(this IEndpointRouteBuilder app)
    {
        app.MapGet("/login/{organisation}", BeginAsync).LimitedBy(RateLimit.SignIn).ExcludeFromDescription();
        // An answer has the node ask the provider, in the name of the organisation.
        app.MapGet("/login/{organisation}/callback", ReceiveAsync).LimitedBy(RateLimit.SignIn).ExcludeFromDescription();
    }

    private static async Task<IResult> BeginAsync(
        string organisation, HttpContext context, SignOnDesk desk, SingleSignOnOptions options, CancellationToken cancellationToken)
    {
        var query = context.Request.Query;
        var begun = await desk.BeginAsync(organisation, new SignOnClient(One(query["code_challenge"]), One(query["state"]), One(query["port"])), cancellationToken);
        if (!begun.TryGet(out var sent, out var refusal))
            return Show(refusal);
        context.Response.Cookies.Append(CookieName(options), sent.Cookie, Cookie(options));
        return TypedResults.Redirect(sent.Address);
    }

    private static async Task<IResult> ReceiveAsync(
        string organisation, HttpContext context, SignOnDesk desk, SingleSignOnOptions options, CancellationToken cancellationToken)
    {
        if (!options.IsOn)
            return Show(SignOnDesk.Off());
        var query = context.Request.Query;
        var answer = new ProviderAnswerQuery(One(query["state"]), One(query["code"]), One(query["error"]), One(query["iss"]));
        var state = desk.Open(context.Request.Cookies[CookieName(options)]);
        // An answer that somebody else has begun must not end the sign-in of this browser, either: its cookie stays.
        if (!desk.IsOf(state, organisation, answer))
        {
            return Show(new Refusal<SingleSignOnRefusal>(
                SingleSignOnRefusal.SignOnUnknown, "This sign-in was not begun in this browser, took too long, or another one was begun since. Begin again, and open the address in the browser that you sign in with."));
        }

        context.Response.Cookies.Delete(CookieName(options), Cookie(options));
        var passed = await desk.ReceiveAsync(state!, answer, cancellationToken);
        return passed.Match<IResult>(
            pass => state!.Port is { } port ? Tell(port, state, ("code", pass.Code.Text)) : ShowCode(pass.Code.Text),
            refusal => state!.Port is { } port
                ? Tell(port, state, ("error", Problems.Of(refusal.Code).Code), ("error_description", refusal.Detail))
                : Show(refusal));
    }

    /// <summary>A parameter that is there once; one that comes twice is none.</summary>
    private static string? One(Microsoft.Extensions.Primitives.StringValues values) => values.Count == 1 ? values[0] : null;

    private static RedirectHttpResult Tell(int port, SignOnState state, params (string Name, string Value)[] said)
    {
        var pairs = said.Append(("state", state.ClientState)).Select(pair => $"{pair.Item1}={Uri.EscapeDataString(pair.Item2)}");
        return TypedResults.Redirect(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/?{string.Join('&', pairs)}"));
    }

    private static Page ShowCode(string code) => new("Signed in at the provider", $"""
        <h1>You are signed in at the provider</h1>
        <p>Give this code to the <code>stoa</code> that you have started yourself. It is good for five minutes, once.</p>
        <pre><code>{Page.Text(code)}</code></pre>
        <p>If you have started none, or somebody has sent you here, close this page and give the code to nobody: who has it acts as you.</p>
        """)
    {
        IsPrivate = true,
    };

    private static Page Show(Refusal<SingleSignOnRefusal> refusal)
    {
        var kind = Problems.Of(refusal.Code);
        return new Page(kind.Title, $"""
            <p class="eyebrow">Sign-in · {kind.Status}</p>
            <h1>{Page.Text(kind.Title)}</h1>
            <p>{Page.Text(refusal.Detail)}</p>
            <p><a href="{kind.Type}"><code>{kind.Code}</code></a></p>
            """)
        {
            Status = kind.Status,
            IsPrivate = true,
        };
    }

    // The prefix keeps other hosts of the domain from setting it (RFC 6265bis, section 4.1.3.2); it needs HTTPS.
    private static string CookieName(SingleSignOnOptions options) => options.IsSecure ? "__Host-stoa-login" : "stoa-login";

    // Lax: it has to come with the navigation from the provider, and with nothing else from elsewhere.
    private static CookieOptions Cookie(SingleSignOnOptions options) => new()
    {
        Path = "/",
        HttpOnly = true,
        Secure = options.IsSecure,
        SameSite = SameSiteMode.Lax,
        MaxAge = TimeSpan.FromMinutes(options.SignOnMinutes),
        IsEssential = true,
    };
}
