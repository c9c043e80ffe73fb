using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa coupon</c>.</summary>
internal static class CouponCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "coupon",
        "Redeem codes that give credit or take something off a plan. Administrators make them.",
        [new("Redeem one", "stoa coupon redeem k7qd-m2xp-4wsa-q2mz"), new("Make one for a thousand new users", "stoa coupon create --credit 5 --days 90 --redemptions 1000 --only-new")],
        new RedeemCommand(scope),
        new CreateCommand(scope),
        new ListCommand(scope),
        new WithdrawCommand(scope));

    private static string Gives(string? credit, int? days, int? percentOff, int? months, string? plan) => credit is not null
        ? Format.Money(credit) + (days is { } lasts ? $" credit for {Format.Count(lasts, "day")}" : " credit")
        : $"{percentOff} % off {plan ?? "a plan"} for {Format.Count(months ?? 1, "month")}";

    private sealed class RedeemCommand : StoaCommand
    {
        private readonly Argument<string> _code = new("CODE") { Description = "As it was given to you; capitals and hyphens make no difference." };

        public RedeemCommand(CommandScope scope)
            : base(scope, "redeem", "Redeem a coupon.", new CommandExample("What is it worth?", "stoa coupon redeem k7qd-m2xp-4wsa-q2mz")) =>
            Add(_code);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var redeemed = await invocation.Client.RedeemCouponAsync(invocation.Get(_code), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(redeemed, json => json.RedemptionResponse);
            else
                invocation.Screen.Line($"You have {Gives(redeemed.Credit, null, redeemed.PercentOff, redeemed.Months, redeemed.Plan)}.");
            return ExitCode.Ok;
        }
    }

    private sealed class CreateCommand : StoaCommand
    {
        private readonly Option<string?> _credit = new("--credit") { Description = "Give so much, in US dollars.", HelpName = "AMOUNT", CustomParser = Quantity.Dollars };
        private readonly Option<int?> _days = new("--days") { Description = "The credit lasts so many days. Left out: for ever.", HelpName = "N" };
        private readonly Option<int?> _percentOff = new("--percent-off") { Description = "Take so much off the price of a plan.", HelpName = "PERCENT" };
        private readonly Option<int?> _months = new("--months") { Description = "For so many months. Default: one.", HelpName = "N" };
        private readonly Option<string?> _plan = new("--plan") { Description = "Only off this plan.", HelpName = "PLAN" };
        private readonly Option<long?> _redemptions = new("--redemptions") { Description = "How often it can be redeemed in all, such as 10k. Default: once.", HelpName = "N", CustomParser = Quantity.Count };
        private readonly Option<int?> _perUser = new("--per-user") { Description = "How often by one user. Default: once.", HelpName = "N" };
        private readonly Option<bool> _onlyNew = new("--only-new") { Description = "Only by users who never had a plan and never redeemed a coupon." };
        private readonly Option<DateTimeOffset?> _expires = new("--expires") { Description = "Until when it can be redeemed.", HelpName = "TIME", CustomParser = Quantity.Instant };

        public CreateCommand(CommandScope scope)
            : base(
                scope,
                "create",
                "Make a coupon: its code is shown once. Administrators only.",
                new("Five dollars for each of a thousand new users", "stoa coupon create --credit 5 --days 90 --redemptions 1000 --only-new"),
                new("Half price for three months", "stoa coupon create --percent-off 50 --months 3 --plan pro --redemptions 100 --expires 2030-01-31"))
        {
            foreach (var option in new Option[] { _credit, _days, _percentOff, _months, _plan, _redemptions, _perUser, _onlyNew, _expires })
                Add(option);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var coupon = await invocation.Client.CreateCouponAsync(
                new CreateCouponRequest(
                    invocation.Get(_credit),
                    invocation.Get(_days),
                    invocation.Get(_percentOff),
                    invocation.Get(_months),
                    invocation.Get(_plan),
                    invocation.Get(_redemptions),
                    invocation.Get(_perUser),
                    invocation.Get(_onlyNew) ? true : null,
                    invocation.Get(_expires)),
                cancellationToken);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(coupon, json => json.CouponResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Facts(
                ("Code", $"[green]{Format.Escaped(coupon.Code ?? "")}[/], shown this once"),
                ("Gives", Format.Escaped(Gives(coupon.Credit, coupon.CreditDays, coupon.PercentOff, coupon.Months, coupon.Plan))),
                ("Redeemed", Format.Invariant($"at most {coupon.MaxRedemptions:N0} times, {coupon.PerUser} by one user")),
                ("Coupon", Format.Escaped(coupon.Id)));
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(scope, "list", "List all coupons, newest first. Administrators only.", new CommandExample("How often were they redeemed?", "stoa coupon list")) =>
            Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (coupons, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListCouponsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<CouponResponse>(coupons), json => json.ListResponseCouponResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Coupon", "Code", "Gives", "Redeemed", "Until"],
                [.. coupons.Select(coupon => (IReadOnlyList<string>)
                [
                    coupon.Id,
                    coupon.Hint,
                    Gives(coupon.Credit, coupon.CreditDays, coupon.PercentOff, coupon.Months, coupon.Plan),
                    Format.Invariant($"{coupon.Redeemed:N0} of {coupon.MaxRedemptions:N0}"),
                    coupon.WithdrawnAt is not null ? "withdrawn" : coupon.ExpiresAt is { } end ? Format.Time(end) : "",
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class WithdrawCommand : StoaCommand
    {
        private readonly Argument<string> _id = CommonArguments.Id("ID", "As stoa coupon list shows it (coupon_…).", IdKind.Coupon);

        public WithdrawCommand(CommandScope scope)
            : base(scope, "withdraw", "Have a coupon redeemed no more; what it has given stays. Administrators only.", new CommandExample("One that got about", "stoa coupon withdraw coupon_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var coupon = await invocation.Client.WithdrawCouponAsync(invocation.Get(_id), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(coupon, json => json.CouponResponse);
            else
                invocation.Screen.Line($"{coupon.Id} is not redeemed any more; it was {Format.Invariant($"{coupon.Redeemed:N0}")} times.");
            return ExitCode.Ok;
        }
    }
}
