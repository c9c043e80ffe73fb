namespace Stoa.Market.Workflows;

/// <summary>Why something is not done with a workflow.</summary>
public enum WorkflowRefusal
{
    /// <summary>The document is none, or does not hold together; every reason is listed.</summary>
    WorkflowInvalid,

    /// <summary>What a run is given does not fit the workflow's schema; every reason is listed.</summary>
    WorkflowInputInvalid,

    /// <summary>No such workflow or version, or it belongs to somebody else.</summary>
    WorkflowUnknown,

    /// <summary>The account has as many versions of workflows as one may have.</summary>
    WorkflowsTooMany,

    /// <summary>The document asks models, and the credential may not.</summary>
    ModelsNotAllowed,

    /// <summary>No such run, or it belongs to somebody else.</summary>
    RunUnknown,

    /// <summary>The account has as many runs that are not over as one may have.</summary>
    RunsTooMany,

    /// <summary>The run is over, or is being stopped: nothing comes to it any more.</summary>
    RunEnded,

    /// <summary>The run has succeeded: there is nothing in it to go on with.</summary>
    RunSucceeded,

    /// <summary>So many events wait in the run that no more are taken.</summary>
    SignalsTooMany,

    /// <summary>The run asks nothing at that node, or it was answered.</summary>
    ApprovalUnknown,

    /// <summary>Somebody else is asked.</summary>
    ApproverOther,
}
