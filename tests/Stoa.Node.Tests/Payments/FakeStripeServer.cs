using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Stoa.Node.Tests.Payments;

/// <summary><see cref="FakeStripe"/> on a port of this machine.</summary>
public sealed class FakeStripeServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeStripeServer(WebApplication app) => _app = app;

    public FakeStripe Stripe { get; } = new();

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    /// <summary>Options of a node that speaks to it.</summary>
    public string[] Options =>
    [
        "--Payments:StripeKey", FakeStripe.Key, "--Payments:WebhookSecrets:0", FakeStripe.WebhookSecret, "--Payments:StripeUrl", Url, "--Payments:AllowLoopback", "true",
        "--Payments:MinCredit", "1", "--Payments:MinPayout", "1", "--Payments:PollMs", "200",
    ];

    public static async Task<FakeStripeServer> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var server = new FakeStripeServer(builder.Build());
        server._app.Run(server.AnswerAsync);
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>The header of a webhook, made as Stripe's documentation has it.</summary>
    public static string Sign(string body, DateTimeOffset at, string secret = FakeStripe.WebhookSecret)
    {
        var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{at.ToUnixTimeSeconds()}.{body}"));
        return $"t={at.ToUnixTimeSeconds()},v1={Convert.ToHexStringLower(mac)},v0={new string('0', 64)}";
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var (status, body) = Stripe.Answer(
            context.Request.Method,
            context.Request.Path,
            context.Request.QueryString.ToString(),
            name => context.Request.Headers.TryGetValue(name, out var value) ? value.ToString() : null,
            context.Request.ContentType,
            await reader.ReadToEndAsync());
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body);
    }
}
