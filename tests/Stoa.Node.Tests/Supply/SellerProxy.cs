using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Stoa.Node.Tests.Supply;

/// <summary>Stands before a node that sells, and changes what it says.</summary>
public sealed class SellerProxy : IAsyncDisposable
{
    private static readonly string[] s_ownHeaders = ["Host", "Transfer-Encoding", "Connection", "Content-Length", "Expect"];

    private readonly WebApplication _app;
    private readonly HttpClient _http = new();
    private readonly Uri _seller;
    private long _bodyBytes;

    private SellerProxy(WebApplication app, Uri seller) => (_app, _seller) = (app, seller);

    /// <summary>Given the request's path and the answer's bytes and headers, gives other bytes; null leaves them.</summary>
    public Func<string, byte[], IHeaderDictionary, byte[]?> Alter { get; set; } = (_, _, _) => null;

    /// <summary>Awaited after the seller has answered, before that is passed on.</summary>
    public Func<string, Task> Hold { get; set; } = _ => Task.CompletedTask;

    /// <summary>Given the request's path, says with what status it is refused here, and how many seconds later it should come again; null passes it on.</summary>
    public Func<string, (int Status, int RetryAfter)?> Refuse { get; set; } = _ => null;

    /// <summary>Bytes of bodies that came.</summary>
    public long BodyBytes => Interlocked.Read(ref _bodyBytes);

    /// <summary>After how many bytes of a body the connection is broken off; null for never.</summary>
    public long? BreaksAfter { get; set; }

    /// <summary>Awaited before it is broken off.</summary>
    public Task MayBreak { get; set; } = Task.CompletedTask;

    public string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    /// <summary>Whether what is answered with 200 is an output: to the call, or, of one that took a while, to who asked for it afterwards.</summary>
    public static bool IsOutput(string path) =>
        (path.StartsWith("/api/v1/program-calls/", StringComparison.Ordinal) && !path.EndsWith("/quote", StringComparison.Ordinal))
        || (path.StartsWith("/api/v1/calls/", StringComparison.Ordinal) && path.Count(letter => letter == '/') == 4);

    public static async Task<SellerProxy> StartAsync(Uri seller)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var proxy = new SellerProxy(builder.Build(), seller);
        proxy._app.Run(proxy.PassAsync);
        await proxy._app.StartAsync(TestContext.Current.CancellationToken);
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task PassAsync(HttpContext context)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(_seller, context.Request.Path + context.Request.QueryString.ToString()));
        using var body = new MemoryStream();
        var buffer = new byte[64 << 10];
        for (int read; (read = await context.Request.Body.ReadAsync(buffer)) > 0;)
        {
            Interlocked.Add(ref _bodyBytes, read);
            await body.WriteAsync(buffer.AsMemory(0, read));
            if (body.Length <= (BreaksAfter ?? long.MaxValue))
                continue;
            await MayBreak;
            context.Abort();
            return;
        }

        if (Refuse(context.Request.Path) is { } refused)
        {
            context.Response.StatusCode = refused.Status;
            context.Response.Headers.RetryAfter = refused.RetryAfter.ToString(System.Globalization.CultureInfo.InvariantCulture);
            return;
        }

        if (HttpMethods.IsPost(context.Request.Method))
            request.Content = new ByteArrayContent(body.ToArray());
        foreach (var (name, values) in context.Request.Headers.Where(header => !s_ownHeaders.Contains(header.Key)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, values.ToArray()))
                request.Content?.Headers.TryAddWithoutValidation(name, values.ToArray());
        }

        using var answer = await _http.SendAsync(request);
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(header => !s_ownHeaders.Contains(header.Key)))
            context.Response.Headers[name] = values.ToArray();
        bytes = (int)answer.StatusCode == StatusCodes.Status200OK ? Alter(context.Request.Path, bytes, context.Response.Headers) ?? bytes : bytes;
        await Hold(context.Request.Path);
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}
