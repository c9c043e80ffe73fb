using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Observability;

public sealed class TraceExportTests
{
    [Fact]
    public async Task Spans_AreSentToTheOperatorsCollector_WithTheCallersTrace()
    {
        var exports = Channel.CreateUnbounded<byte[]>();
        await using var collector = await StartCollectorAsync(exports.Writer);
        var endpoint = collector.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        var node = await RunningNode.StartAsync("--observability:otlpEndpoint", endpoint);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        (await node.Anonymous.SendAsync(request, TestContext.Current.CancellationToken)).IsSuccessStatusCode.ShouldBeTrue();

        await node.DisposeAsync();

        var sent = new List<byte>();
        while (exports.Reader.TryRead(out var export))
            sent.AddRange(export);
        var bytes = sent.ToArray();
        bytes.AsSpan().IndexOf(Convert.FromHexString("0af7651916cd43dd8448eb211c80319c")).ShouldBeGreaterThan(0);
        bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes("service.name")).ShouldBeGreaterThan(0);
    }

    /// <summary>As much of a collector as is needed to see what arrives: OTLP over gRPC on HTTP/2.</summary>
    private static async Task<WebApplication> StartCollectorAsync(ChannelWriter<byte[]> exports)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            await exports.WriteAsync(body.ToArray());
            context.Response.ContentType = "application/grpc";
            context.Response.DeclareTrailer("grpc-status");
            // An empty message: not compressed, no bytes.
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", "0");
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
