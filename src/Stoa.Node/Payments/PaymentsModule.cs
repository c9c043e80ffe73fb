using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Hosting;
using Stoa.Node.Http;
using Stoa.Node.Storage;

namespace Stoa.Node.Payments;

/// <summary>Wires payments into the node.</summary>
public static class PaymentsModule
{
    public static void AddPayments(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Payments", new PaymentsOptions(), options => options.Validate());
        var services = builder.Services;
        services.AddSingleton(provider => new StripeHttp(
            provider.GetRequiredService<PaymentsOptions>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<Random>()));
        services.AddSingleton<StripeClient>();
        services.AddSingleton<SqlStripeParties>();
        services.AddSingleton(provider => new SqlPaymentStore(provider.GetRequiredService<Database>(), provider.GetRequiredService<SystemAccounts>().World));
        services.AddSingleton(provider => new SqlPayoutStore(provider.GetRequiredService<Database>(), provider.GetRequiredService<SystemAccounts>().World));
        services.AddSingleton(provider => new ReturnAddress(AddressOf(provider.GetRequiredService<PaymentsOptions>(), provider.GetRequiredService<NodeOptions>())));
        services.AddSingleton<PaymentDesk>();
        services.AddSingleton<PayoutDesk>();
        services.AddSingleton<PaymentWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<PaymentWorker>());
    }

    /// <summary>The endpoint is there whether the node has a key or not; without one it says so.</summary>
    internal static TBuilder NeedsPayments<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints
            .AddEndpointFilter(FilterAsync)
            .Refuses(PaymentRefusal.PaymentsOff);

    private static async ValueTask<object?> FilterAsync(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        if (!invocation.HttpContext.RequestServices.GetRequiredService<PaymentsOptions>().IsOn)
            return new Refusal<PaymentRefusal>(PaymentRefusal.PaymentsOff, "This node takes and pays no money: it has no key of Stripe. Its operator sets Payments:StripeKey; docs/payments.md says how.").ToProblem();
        try
        {
            return await next(invocation);
        }
        catch (StripeException failure)
        {
            return new Refusal<PaymentRefusal>(failure.IsFinal ? PaymentRefusal.StripeRefused : PaymentRefusal.StripeUnavailable, failure.Message).ToProblem();
        }
    }

    // A browser cannot be sent to all addresses of a machine.
    private static string AddressOf(PaymentsOptions options, NodeOptions node) =>
        options.ReturnUrl.Length > 0 ? options.ReturnUrl : node.Url.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal).Replace("[::]", "[::1]", StringComparison.Ordinal).TrimEnd('/') + "/";
}
