using Stoa.Market;
using Stoa.Market.Inference;

namespace Stoa.Node.Inference;

public sealed class Allowances
{
    public ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(AllowanceHolder holder, PricedModel model, TokenUsage most, CancellationToken cancellationToken) =>
        ValueTask.FromResult<Outcome<Reservation, AllowanceRefusal>>(Reservation.OfNothing(model));
}
