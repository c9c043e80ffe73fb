using Stoa.Node.Hosting;

namespace Stoa.Node.Plans;

/// <summary>Wires plans, credit and coupons into the node.</summary>
public static class PlansModule
{
    public static void AddPlans(this IHostApplicationBuilder builder)
    {
        builder.AddRoomOptions("Plans", new PlansOptions(), options => options.Validate());
        builder.Services.AddSingleton<SqlPlanStore>();
        builder.Services.AddSingleton<SqlSubscriptionStore>();
        builder.Services.AddSingleton<SqlCreditStore>();
        builder.Services.AddSingleton<SqlCouponStore>();
        builder.Services.AddHostedService<PlanWorker>();
    }
}
