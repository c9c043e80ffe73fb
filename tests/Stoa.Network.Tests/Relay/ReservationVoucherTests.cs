using Stoa.Network.Records;
using Stoa.Network.Relay;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Relay;

public sealed class ReservationVoucherTests
{
    private static readonly DateTimeOffset s_expires = new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);

    private readonly PrivateKey _relay = PrivateKey.Generate();
    private readonly PrivateKey _peer = PrivateKey.Generate();

    [Fact]
    public void Voucher_SaysWhoMayBeReached_ThroughWhom_UntilWhen()
    {
        var voucher = ReservationVoucher.Open(ReservationVoucher.Seal(_relay, _peer.PublicKey.PeerId, s_expires));

        voucher.ShouldBe(new ReservationVoucher(_relay.PublicKey.PeerId, _peer.PublicKey.PeerId, s_expires));
    }

    [Fact]
    public void Voucher_ThatWasChangedOrCut_DoesNotHold()
    {
        var voucher = ReservationVoucher.Seal(_relay, _peer.PublicKey.PeerId, s_expires);

        for (var index = 0; index < voucher.Length; index++)
        {
            var changed = voucher.ToArray();
            changed[index] ^= 1;
            Should.Throw<FormatException>(() => ReservationVoucher.Open(changed));
            Should.Throw<FormatException>(() => ReservationVoucher.Open(voucher.AsSpan(0, index)));
        }
    }

    [Fact]
    public void Record_OfAPeer_IsNoVoucher() =>
        Should.Throw<FormatException>(() => ReservationVoucher.Open(PeerRecord.Seal(_relay, 1, [])));

    [Fact]
    public void Time_BeyondAllTime_IsTheLastThatThereIs() => UnixTime.FromSeconds(ulong.MaxValue).Year.ShouldBe(9999);
}
