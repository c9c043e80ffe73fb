using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>An OpenID Connect provider on this machine that does as a test says, the wrong thing too.</summary>
public sealed class FakeProvider : IAsyncDisposable
{
    public const string ClientId = "stoa";
    public const string Secret = "a secret: with + and %";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Dictionary<string, string>> _codes = new();
    private readonly ConcurrentDictionary<string, Dictionary<string, object?>> _tokens = new();
    private int _made;

    private FakeProvider(WebApplication app) => _app = app;

    public string Issuer => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    /// <summary>The key that signs.</summary>
    public RSA Key { get; private set; } = RSA.Create(2048);

    public string Kid { get; private set; } = "key-1";

    public string Subject { get; set; } = "subject-1";

    public string? Email { get; set; } = "grace@example.org";

    public object? EmailVerified { get; set; } = true;

    public string? PreferredName { get; set; } = "Grace.Hopper";

    public string[]? Groups { get; set; }

    /// <summary>Whether claims of scopes come by the userinfo endpoint alone.</summary>
    public bool HasUserInfo { get; set; }

    /// <summary>What userinfo says of the subject, where it is not the truth.</summary>
    public string? UserInfoSubject { get; set; }

    /// <summary>Changes the claims of an ID token before it is signed.</summary>
    public Action<Dictionary<string, object?>> Alter { get; set; } = _ => { };

    /// <summary>Makes the ID token in place of the honest way.</summary>
    public Func<Dictionary<string, object?>, string>? Make { get; set; }

    /// <summary>Changes the discovery document.</summary>
    public Action<Dictionary<string, object?>> AlterDiscovery { get; set; } = _ => { };

    /// <summary>Changes the key set.</summary>
    public Action<List<Dictionary<string, object?>>> AlterKeys { get; set; } = _ => { };

    /// <summary>Whether it takes any code, as often as it comes, from anybody: a provider of somebody who means harm.</summary>
    public bool TakesEverything { get; set; }

    /// <summary>While it is not completed nothing is answered.</summary>
    public Task MayAnswer { get; set; } = Task.CompletedTask;

    /// <summary>What is requested, by path.</summary>
    public ConcurrentDictionary<string, int> Requests { get; } = new();

    public static async Task<FakeProvider> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var provider = new FakeProvider(builder.Build());
        provider._app.Run(provider.AnswerAsync);
        await provider._app.StartAsync(TestContext.Current.CancellationToken);
        return provider;
    }

    /// <summary>Signs with another key from now on, and publishes that alone.</summary>
    public void Rotate()
    {
        Key = RSA.Create(2048);
        Kid += "+";
    }

    /// <summary>Is honest again, and everybody's first person.</summary>
    public void Reset()
    {
        (Subject, Email, EmailVerified, PreferredName, Groups) = ("subject-1", "grace@example.org", true, "Grace.Hopper", null);
        (HasUserInfo, UserInfoSubject, TakesEverything, Make) = (false, null, false, null);
        (Alter, AlterDiscovery, AlterKeys) = (_ => { }, _ => { }, _ => { });
    }

    /// <summary>What a person does in the browser: signs in there, and is sent back.</summary>
    /// <param name="request">Where the node has sent the browser.</param>
    /// <returns>Where the provider sends it.</returns>
    public string Login(Uri request)
    {
        var query = QueryHelpers.ParseQuery(request.Query).ToDictionary(pair => pair.Key, pair => pair.Value.Single()!);
        query["response_type"].ShouldBe("code");
        query["client_id"].ShouldBe(ClientId);
        query["code_challenge_method"].ShouldBe("S256");
        query["scope"].Split(' ').ShouldContain("openid");
        var code = "code-" + Interlocked.Increment(ref _made);
        _codes[code] = query;
        return QueryHelpers.AddQueryString(query["redirect_uri"], new Dictionary<string, string?> { ["code"] = code, ["state"] = query["state"], ["iss"] = Issuer });
    }

    /// <summary>A token as RFC 7515 has it, by whatever signature.</summary>
    public static string Jwt(object header, Dictionary<string, object?> claims, Func<byte[], byte[]> sign) => Jwt(header, JsonSerializer.Serialize(claims), sign);

    /// <summary>The same with claims as they are written.</summary>
    public static string Jwt(object header, string claims, Func<byte[], byte[]> sign)
    {
        var signed = $"{Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        return $"{signed}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    public string SignHonestly(Dictionary<string, object?> claims) => Jwt(new { alg = "RS256", typ = "JWT", kid = Kid }, claims, SignRs256);

    public byte[] SignRs256(byte[] bytes) => Key.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Key.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        Requests.AddOrUpdate(path, 1, (_, count) => count + 1);
        await MayAnswer.WaitAsync(context.RequestAborted);
        await (path switch
        {
            "/.well-known/openid-configuration" => WriteAsync(context, Discovery()),
            "/keys" => WriteAsync(context, new Dictionary<string, object?> { ["keys"] = Keys() }),
            "/token" => RedeemAsync(context),
            "/userinfo" => TellAsync(context),
            _ => WriteAsync(context, new(), 404),
        });
    }

    private Dictionary<string, object?> Discovery()
    {
        var document = new Dictionary<string, object?>
        {
            ["issuer"] = Issuer,
            ["authorization_endpoint"] = Issuer + "/authorize",
            ["token_endpoint"] = Issuer + "/token",
            ["userinfo_endpoint"] = Issuer + "/userinfo",
            ["jwks_uri"] = Issuer + "/keys",
            ["response_types_supported"] = new[] { "code" },
            ["authorization_response_iss_parameter_supported"] = true,
        };
        AlterDiscovery(document);
        return document;
    }

    private List<Dictionary<string, object?>> Keys()
    {
        var parameters = Key.ExportParameters(false);
        List<Dictionary<string, object?>> keys =
        [
            new()
            {
                ["kty"] = "RSA", ["use"] = "sig", ["kid"] = Kid, ["n"] = Base64Url.EncodeToString(parameters.Modulus), ["e"] = Base64Url.EncodeToString(parameters.Exponent),
            },
        ];
        AlterKeys(keys);
        return keys;
    }

    private async Task RedeemAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        var expected = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(ClientId)}:{Uri.EscapeDataString(Secret)}"));
        if (context.Request.Headers.Authorization != expected)
        {
            await WriteAsync(context, new() { ["error"] = "invalid_client" }, 401);
            return;
        }

        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
        var isKnown = TakesEverything ? _codes.TryGetValue(form["code"]!, out var request) : _codes.TryRemove(form["code"]!, out request);
        if (!isKnown || (!TakesEverything && (request!["code_challenge"] != challenge || request["redirect_uri"] != form["redirect_uri"])))
        {
            await WriteAsync(context, new() { ["error"] = "invalid_grant" }, 400);
            return;
        }

        var person = new Dictionary<string, object?> { ["sub"] = Subject };
        if (Email is not null)
            person["email"] = Email;
        if (EmailVerified is not null)
            person["email_verified"] = EmailVerified;
        if (PreferredName is not null)
            person["preferred_username"] = PreferredName;
        if (Groups is not null)
            person["groups"] = Groups;
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new Dictionary<string, object?>
        {
            ["iss"] = Issuer,
            ["sub"] = Subject,
            ["aud"] = ClientId,
            ["iat"] = now,
            ["exp"] = now + 300,
            ["nonce"] = request!["nonce"],
        };
        if (!HasUserInfo)
        {
            foreach (var (name, value) in person)
                claims[name] = value;
        }

        var access = "access-" + Interlocked.Increment(ref _made);
        _tokens[access] = person;
        Alter(claims);
        await WriteAsync(context, new()
        {
            ["access_token"] = access,
            ["token_type"] = "Bearer",
            ["expires_in"] = 300,
            ["id_token"] = Make is null ? SignHonestly(claims) : Make(claims),
        });
    }

    private Task TellAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (!header.StartsWith("Bearer ", StringComparison.Ordinal) || !_tokens.TryGetValue(header[7..], out var person))
            return WriteAsync(context, new() { ["error"] = "invalid_token" }, 401);
        return WriteAsync(context, new(person) { ["sub"] = UserInfoSubject ?? Subject });
    }

    private static Task WriteAsync(HttpContext context, Dictionary<string, object?> json, int status = 200)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(json)).AsTask();
    }
}
