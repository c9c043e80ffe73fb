using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Net.Http.Headers;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Pages;

/// <summary>The few pages that a node has for people: what it is, what its refusals mean, and the reference of its API.</summary>
public static class PagesEndpoints
{
    private static readonly Dictionary<string, string> s_assets = new(StringComparer.Ordinal)
    {
        ["pages.css"] = "text/css; charset=utf-8",
        ["reference.js"] = "text/javascript; charset=utf-8",
        ["stoa.svg"] = "image/svg+xml",
    };

    public static void MapPages(this IEndpointRouteBuilder app)
    {
        app.MapGet("/", (PublicKey node) => Welcome(node.PeerId)).ExcludeFromDescription();
        app.MapGet("/reference", () => new Page("API reference", Read("reference.html"), "/assets/reference.js")).ExcludeFromDescription();
        app.MapGet("/problems", ListProblems).ExcludeFromDescription();
        app.MapGet("/problems/{code}", ExplainProblem).ExcludeFromDescription();
        // Some browsers ask for it whatever the pages say.
        app.MapGet("/favicon.ico", () => TypedResults.Redirect("/assets/stoa.svg", permanent: true)).ExcludeFromDescription();
        app.MapGet("/assets/{name}", GetAsset).ExcludeFromDescription();
    }

    private static Page Welcome(PeerId node) => new("A node of the market", Read("welcome.html")
        .Replace("{peerId}", Page.Text(node.ToString()), StringComparison.Ordinal)
        .Replace("{version}", Page.Text(Version), StringComparison.Ordinal));

    /// <summary>Version of the software, as it was built.</summary>
    internal static string Version { get; } =
        typeof(PagesEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    private static Page ListProblems()
    {
        var rows = new StringBuilder();
        foreach (var kind in Problems.All.Values)
        {
            rows.Append(CultureInfo.InvariantCulture, $"<tr><td>{kind.Status}</td><td><a href=\"{kind.Type}\"><code>{kind.Code}</code></a></td><td>{Page.Text(kind.Title)}</td></tr>\n");
        }

        return new Page("Problems", $"""
            <h1>Problems</h1>
            <p>When this node refuses, it says why: every answer of 400 and above is a problem document (RFC 9457) whose <code>code</code> is one of these.</p>
            <table><thead><tr><th>Status</th><th>Code</th><th>Meaning</th></tr></thead><tbody>
            {rows}</tbody></table>
            """);
    }

    private static IResult ExplainProblem(string code) => Problems.All.TryGetValue(code, out var kind)
        ? new Page(kind.Title, $"""
            <p class="eyebrow">Problem · {kind.Status}</p>
            <h1>{Page.Text(kind.Title)}</h1>
            <p><code>{kind.Code}</code></p>
            <h2>When it happens</h2>
            <p>{Page.Text(kind.Explanation)}</p>
            <h2>What to do</h2>
            <p>{Page.Text(kind.Remedy)}</p>
            <p><a href="/problems">All problems</a></p>
            """)
        : RequestRefusal.NotFound.ToProblem("There is no problem of this code: /problems lists all.");

    private static IResult GetAsset(string name)
    {
        if (!s_assets.TryGetValue(name, out var mediaType))
            return RequestRefusal.NotFound.ToProblem();
        var bytes = Encoding.UTF8.GetBytes(Read(name));
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 8))}\"");
        return new CachedAsset(TypedResults.Bytes(bytes, mediaType, entityTag: tag));
    }

    private static string Read(string name)
    {
        using var stream = typeof(PagesEndpoints).Assembly.GetManifestResourceStream("Stoa.Node.Pages." + name)
            ?? throw new InvalidOperationException($"The page {name} was not built in.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>An asset may be kept, but is asked about each time: a new version of the node has new ones.</summary>
    private sealed class CachedAsset(IResult content) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.Headers.CacheControl = "no-cache";
            return content.ExecuteAsync(httpContext);
        }
    }
}
