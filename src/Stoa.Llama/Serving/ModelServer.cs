using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Stoa.Llama.Engine;
using Stoa.Llama.Native;

namespace Stoa.Llama.Serving;

/// <summary>A model behind OpenAI's API, at an address of this machine that others do not reach.</summary>
public sealed class ModelServer : IAsyncDisposable
{
    /// <summary>What an operator without llama.cpp's libraries is told.</summary>
    public const string HowToGetLibraries = LlamaLibrary.HowToGet;

    private readonly WebApplication _app;
    private readonly LlamaModel _model;
    private readonly LlamaEngine _engine;

    private ModelServer(WebApplication app, LlamaModel model, LlamaEngine engine) => (_app, _model, _engine) = (app, model, engine);

    /// <summary>Of the API, with its version.</summary>
    public Uri Address => new(_app.Urls.Single().TrimEnd('/') + "/v1");

    /// <summary>What llama.cpp says of the model.</summary>
    public string Description => _model.Description;

    /// <summary>The most tokens that a sequence sees.</summary>
    public int ContextLength => _engine.ContextLength;

    /// <summary>What the model does.</summary>
    public LlamaEngine Engine => _engine;

    /// <summary>Loads the model, and takes requests.</summary>
    /// <param name="options">Valid.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="LlamaException">There are no libraries, or no model; the message says what to do.</exception>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<ModelServer> StartAsync(ServingOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var model = await Task.Run(() => LlamaModel.Load(options.Library, options.File, options.Engine.ChatTemplate), cancellationToken);
        LlamaEngine? engine = null;
        WebApplication? app = null;
        try
        {
            engine = new LlamaEngine(model, options.Engine);
            app = Build(options);
            var api = new ModelApi(model, engine, options.ModelName, time);
            app.Use((context, next) => GuardAsync(context, next, options.Key is null ? null : Encoding.UTF8.GetBytes("Bearer " + options.Key)));
            api.Map(app);
            await app.StartAsync(cancellationToken);
            return new ModelServer(app, model, engine);
        }
        catch
        {
            if (app is not null)
                await app.DisposeAsync();
            engine?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>Serves until it is stopped, or the engine fails.</summary>
    /// <exception cref="LlamaException">The engine has failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAny(_engine.End, Task.Delay(Timeout.Infinite, cancellationToken));
        if (_engine.End.IsFaulted)
            await _engine.End;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // First the engine, so that requests under way end and the server has none to wait for.
        _engine.Dispose();
        await _app.DisposeAsync();
        _model.Dispose();
    }

    private static WebApplication Build(ServingOptions options)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server =>
        {
            server.Listen(IPAddress.Loopback, options.Port);
            server.Limits.MaxRequestBodySize = options.MaxRequestBytes;
            server.AddServerHeader = false;
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging(logging => logging.ClearProviders());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        var app = builder.Build();
        return app;
    }

    private static async Task GuardAsync(HttpContext context, RequestDelegate next, byte[]? authorization)
    {
        try
        {
            if (authorization is not null && !CryptographicOperations.FixedTimeEquals(authorization, Encoding.UTF8.GetBytes(context.Request.Headers.Authorization.ToString())))
                throw new ApiFaultException(401, "invalid_api_key", null, "A key is expected as Authorization: Bearer.");
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: 404 or 405 })
                throw new ApiFaultException(context.Response.StatusCode, "not_found", null, $"There is no {context.Request.Method} {context.Request.Path} here.");
        }
        catch (Exception gone) when (context.RequestAborted.IsCancellationRequested && gone is OperationCanceledException or IOException)
        {
            // Nobody is left to be told.
        }
        catch (BadHttpRequestException bad)
        {
            await RefuseAsync(context, new ApiFaultException(bad.StatusCode, bad.StatusCode == 413 ? "request_too_large" : "invalid_request", null, bad.Message));
        }
        catch (JsonException bad)
        {
            await RefuseAsync(context, new ApiFaultException(400, "invalid_request", null, $"The body is no JSON: {bad.Message}"));
        }
        catch (Exception failure)
        {
            await RefuseAsync(context, ApiFaultException.Of(failure));
        }
    }

    private static async Task RefuseAsync(HttpContext context, ApiFaultException fault)
    {
        if (context.Response.HasStarted)
        {
            // In the midst of a stream it is an event, after which nothing comes.
            await context.Response.Body.WriteAsync(AnswerWriting.Event(AnswerWriting.Fault(fault)), context.RequestAborted);
            return;
        }

        context.Response.StatusCode = fault.Status;
        await ModelApi.WriteAsync(context, AnswerWriting.Fault(fault));
    }
}
