using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

/// <summary>What is said of an answer behind it, over HTTP/2.</summary>
public sealed class AnswerTrailerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stream_SaysInATrailerWhatItCost()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        await using var app = builder.Build();
        var replica = new Replica(
            new Id<Replica>(new Guid(1, 0, 0, new byte[8])), new ReplicaModel(ListingName.Parse("acme/tiny@1.0.0"), null, ["chat"], 8_192, null), new Uri("http://127.0.0.1:1/v1"), "tiny", null, 1, 64, null, IsDraining: false, DateTimeOffset.UnixEpoch);
        app.MapPost("/", (RequestDelegate)(async context =>
        {
            IAnswer answer = new HttpAnswer(context);
            answer.Begin(new AnswerHead(replica, 12.34, null));
            answer.WriteDone();
            await answer.EndAsync(Money.Parse("0.000011"));
        }));
        await app.StartAsync(Stop);
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, app.Urls.Single()) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

        using var answered = await http.SendAsync(request, Stop);

        (await answered.Content.ReadAsStringAsync(Stop)).ShouldBe("data: [DONE]\n\n");
        answered.TrailingHeaders.GetValues("Stoa-Cost").ShouldBe(["0.000011000"]);
        answered.Headers.GetValues("Stoa-Wait-Ms").ShouldBe(["12.3"]);
        answered.Headers.GetValues("Stoa-Replica").ShouldBe([replica.Id.ToString()]);
    }
}
