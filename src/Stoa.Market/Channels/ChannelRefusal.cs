namespace Stoa.Market.Channels;

/// <summary>Every reason for which an act on a payment channel is refused. A refused act has changed nothing.</summary>
public enum ChannelRefusal
{
    /// <summary>No such channel, or it belongs to others.</summary>
    ChannelUnknown,

    /// <summary>Keys, deposit, window or expiry are not as they must be; every reason is listed.</summary>
    ChannelInvalid,

    /// <summary>The available balance of the payer's wallet does not cover the deposit.</summary>
    InsufficientFunds,

    /// <summary>The payer has as many channels that are not closed as one may have.</summary>
    ChannelsTooMany,

    /// <summary>Only the payer adds to the deposit.</summary>
    NotThePayer,

    /// <summary>The new deposit is below the present one: a deposit only grows.</summary>
    DepositNotHigher,

    /// <summary>The channel has expired, so nothing is added to it.</summary>
    ChannelExpired,

    /// <summary>The channel is closing, so nothing is added to it.</summary>
    ChannelClosing,

    /// <summary>The channel is closed for good.</summary>
    ChannelClosed,

    /// <summary>The voucher cannot be read, or is not in its one canonical form.</summary>
    VoucherInvalid,

    /// <summary>The voucher is for another channel, or for one at another market.</summary>
    VoucherForOtherChannel,

    /// <summary>The payer's key did not sign this.</summary>
    VoucherSignatureInvalid,

    /// <summary>The word does not lead to the anchor of its chain in so many steps.</summary>
    ChainWordInvalid,

    /// <summary>The voucher promises more than the channel holds.</summary>
    VoucherExceedsDeposit,

    /// <summary>More than this voucher says was settled before.</summary>
    VoucherSuperseded,

    /// <summary>The challenge window is over.</summary>
    ChallengeWindowOver,

    /// <summary>The agreement cannot be read, is for another channel, or lacks the signature of a side.</summary>
    AgreementInvalid,

    /// <summary>The agreed amount is below what is settled, or above the deposit.</summary>
    AgreementOutOfRange,

    /// <summary>It is not time yet: the window is open, or the channel has not expired.</summary>
    NotDue,
}
