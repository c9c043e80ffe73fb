using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Stoa.Primitives;

namespace Stoa.Node.Observability;

/// <summary>Sends spans to the operator's collector. It is only there when one is configured.</summary>
public sealed class TraceExport(Uri endpoint, double ratio, PeerId node) : IHostedService, IDisposable
{
    private TracerProvider? _provider;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _provider = Sdk.CreateTracerProviderBuilder()
            .ConfigureResource(resource => resource.AddService("stoa", serviceInstanceId: node.ToString()))
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(ratio)))
            .AddSource("Stoa.*", "Microsoft.AspNetCore", "System.Net.Http")
            .AddOtlpExporter(otlp => otlp.Endpoint = endpoint)
            .Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _provider?.ForceFlush(2_000);
        return Task.CompletedTask;
    }

    public void Dispose() => _provider?.Dispose();
}
