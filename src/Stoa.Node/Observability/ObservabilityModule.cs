using Microsoft.Extensions.Logging.Console;
using Stoa.Node.Hosting;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Observability;

/// <summary>Wires logs, metrics, traces and the checks of readiness.</summary>
public static class ObservabilityModule
{
    public static void AddObservability(this WebApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Observability", new ObservabilityOptions(), options => options.Validate());
        AddLogs(builder.Logging, options);
        builder.Services.AddMetrics();
        builder.Services.AddSingleton<Metrics>();
        builder.Services.AddSingleton(provider => ObservabilityEndpoints.CheckStorage(provider.GetRequiredService<Database>()));
        if ((options.OtlpEndpoint ?? builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]) is { Length: > 0 } endpoint)
        {
            builder.Services.AddHostedService(provider =>
                new TraceExport(new Uri(endpoint), options.TraceRatio, provider.GetRequiredService<PublicKey>().PeerId));
        }
    }

    private static void AddLogs(ILoggingBuilder logs, ObservabilityOptions options)
    {
        logs.SetMinimumLevel(options.LogLevel);
        // The framework's own news is only of interest when something is wrong.
        logs.AddFilter("Microsoft", level => level >= LogLevel.Warning && level >= options.LogLevel);
        logs.Configure(activity => activity.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        if (options.LogFile is { Length: > 0 } path)
        {
            logs.Services.AddSingleton<ILoggerProvider>(provider => new LogFile(path, provider.GetRequiredService<TimeProvider>()));
            return;
        }

        // Standard output belongs to what the program answers.
        logs.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (options.LogFormat is LogFormat.Json)
        {
            logs.AddJsonConsole(json =>
            {
                json.IncludeScopes = true;
                json.UseUtcTimestamp = true;
                json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            });
        }
        else
        {
            logs.AddSimpleConsole(line =>
            {
                line.SingleLine = true;
                line.UseUtcTimestamp = true;
                line.TimestampFormat = "HH:mm:ss.fff ";
            });
        }
    }
}
