const { reporters } = require('mocha');

/** Shows the tests as they run, and leaves mocha's own JSON report in the file named by the option `output`. */
module.exports = class SpecAndJson extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    this.json = new reporters.JSON(runner, options);
  }
};
