using System.IO.Compression;
using System.Net;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Stoa.Node.Audit;
using Stoa.Node.Hosting;
using Stoa.Node.Identity;

namespace Stoa.Node.Http;

/// <summary>Wires the edge: Kestrel, its limits, and what happens to every request.</summary>
public static class HttpModule
{
    public static void AddHttp(this WebApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Http", new HttpOptions(), options => options.Validate());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Limit(kestrel, options));
        builder.WebHost.UseSockets(sockets =>
        {
            // What a socket has read goes on to the endpoint on the same thread of the pool. Code that blocks holds up its own connection, and no other.
            sockets.UnsafePreferInlineScheduling = true;
            // One call of the system a request in place of two, for 4 KiB a connection.
            sockets.WaitForDataBeforeAllocatingBuffer = false;
        });
        builder.WebHost.UseUrls(builder.Configuration[$"{RoomOptions.Root}:Node:Url"] ?? new NodeOptions().Url);
        var services = builder.Services;
        services.AddRoutingCore();
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json =>
        {
            StrictJson.Configure(json.SerializerOptions);
            // The OpenAPI document describes parameters too, which are not contracts.
            json.SerializerOptions.TypeInfoResolverChain.Add(new DefaultJsonTypeInfoResolver());
        });
        services.AddSingleton<ResolveName>(Dns.GetHostAddressesAsync);
        services.AddSingleton<RateLimits>();
        services.AddSingleton<SqlIdempotentRequests>();
        services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins([.. options.AllowedOrigins])
            .WithMethods("GET", "POST", "PUT", "DELETE")
            .WithHeaders("Authorization", "Content-Type", "Content-Digest", "Signature", "Signature-Input", IdempotencyKeyHeader.Name, PermissionGate.OrganisationHeader, "Last-Event-ID", "Range")
            .WithExposedHeaders("Location", "Retry-After", "RateLimit", "RateLimit-Policy", ResponseHeaders.TraceId, Idempotency.ReplayedHeader)));
        services.AddResponseCompression(compression =>
        {
            compression.Providers.Add<BrotliCompressionProvider>();
            compression.Providers.Add<GzipCompressionProvider>();
            compression.MimeTypes = ["application/json", ProblemResult.MediaType, "text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml"];
        });
        services.Configure<BrotliCompressionProviderOptions>(brotli => brotli.Level = CompressionLevel.Fastest);
        services.Configure<GzipCompressionProviderOptions>(gzip => gzip.Level = CompressionLevel.Fastest);
    }

    /// <summary>What happens to every request, from the outside in.</summary>
    public static void UseHttp(this WebApplication app)
    {
        app.UseMiddleware<ResponseHeaders>();
        app.UseRouting();
        app.UseMiddleware<BodyLimits>();
        // What models say is short, or comes word by word: to compress it takes longer than to send it.
        app.UseWhen(IsNoModelCall, others => others.UseResponseCompression());
        // Around all that can refuse, and all that can act.
        app.UseMiddleware<AuditMiddleware>();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseWhen(IsNoModelCall, others => others.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.FromSeconds(20), KeepAliveTimeout = TimeSpan.FromSeconds(20) }));
        app.UseCors();
        app.UseMiddleware<CallerRecognition>();
        app.UseMiddleware<CallLimits>();
        app.UseMiddleware<CredentialGate>();
        app.UseMiddleware<PermissionGate>();
    }

    /// <summary>The group of everything below <c>/api/v1</c>: for known callers only, unless an endpoint says otherwise.</summary>
    public static RouteGroupBuilder MapApi(this WebApplication app) =>
        app.MapGroup("/api/v1").WithMetadata(new ApiEndpoint());

    private static bool IsNoModelCall(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<OpenAiEndpoint>() is null;

    private static void Limit(KestrelServerOptions kestrel, HttpOptions options)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxRequestBodySize = options.MaxBodyBytes;
        limits.MaxRequestHeadersTotalSize = options.MaxHeaderBytes;
        limits.MaxRequestHeaderCount = 64;
        limits.MaxRequestLineSize = 8 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(options.HeaderTimeoutSeconds);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(130);
        limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(10));
        limits.MaxConcurrentConnections = options.MaxConnections;
        limits.MaxConcurrentUpgradedConnections = options.MaxConnections;
    }
}
